terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
  # The bucket and the key come by -backend-config: docs/runbook/first-deploy.md.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
  max_retries         = var.max_retries
  default_tags {
    tags = { project = "mall", environment = "staging" }
  }
}

# As production, but small: one NAT gateway, one database instance, one Redis node, one task of each program.
module "mall" {
  source     = "../../modules/mall"
  name       = "mall-staging"
  region     = var.region
  account_id = var.account_id
  profile    = "staging"
  images     = var.images
  running    = var.running

  network         = { cidr = "10.20.0.0/16", zones = var.zones, nat_per_zone = false }
  certificate_arn = var.certificate_arn
  address         = var.address

  tasks_min = 1
  tasks_max = 3

  database = {
    instance_class       = "db.t4g.medium"
    storage_gib          = 20
    multi_az             = false
    backup_days          = 3
    performance_insights = false
    max_connections      = 300
    connections_per_task = 12
  }
  database_ca = var.database_ca

  redis                   = { node_type = "cache.t4g.micro", nodes = 1 }
  redis_auth_token        = var.redis_auth_token
  redis_auth_token_update = var.redis_auth_token_update

  mail = {
    host     = "email-smtp.${var.region}.amazonaws.com"
    port     = 587
    from     = "Mall (staging) <no-reply@${trimprefix(var.address, "https://")}>"
    starttls = true
  }

  log_days            = 7
  alarm_mails         = var.alarm_mails
  deletion_protection = false

  github = {
    sub_prefix        = var.github_sub_prefix
    environment       = "staging"
    oidc_provider_arn = var.oidc_provider_arn
  }
}
