"""The store: tables, migrations, and repositories that map rows to the domain and back."""
