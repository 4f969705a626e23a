"""How a release gets into an environment: standard library and the AWS command line only."""
