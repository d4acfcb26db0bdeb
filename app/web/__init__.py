"""What every HTTP door needs and none may write anew: limits, request ids, errors, bodies, the description."""
