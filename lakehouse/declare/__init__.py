"""What a user declares: contracts, flows, parameters, SQL flows and mixlake.yaml."""
