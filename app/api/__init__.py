"""Where the integrator's server enters: one file a resource, every route behind a key or listed as public."""
