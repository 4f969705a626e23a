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
    tags = { project = "mall", environment = "production" }
  }
}

# Three zones, everything twice. Sizes for some 1 000 buyers at once; docs/runbook/sizing.md has those for 100 000.
module "mall" {
  source     = "../../modules/mall"
  name       = "mall-production"
  region     = var.region
  account_id = var.account_id
  profile    = "production"
  images     = var.images
  running    = var.running

  network         = { cidr = "10.30.0.0/16", zones = var.zones, nat_per_zone = true }
  certificate_arn = var.certificate_arn
  address         = var.address

  tasks_min = 2
  tasks_max = 8
  programs = {
    config-server = { tasks_max = 2 }
    gateway       = { tasks_max = 20 }
    orders        = { tasks_max = 20 }
    stock         = { tasks_max = 8 }
  }

  database = {
    instance_class       = "db.r7g.large"
    storage_gib          = 100
    multi_az             = true
    backup_days          = 14
    performance_insights = true
    max_connections      = 1000
    connections_per_task = 12
  }
  database_ca = var.database_ca

  redis                   = { node_type = "cache.r7g.large", nodes = 2 }
  redis_auth_token        = var.redis_auth_token
  redis_auth_token_update = var.redis_auth_token_update

  mail = {
    host     = "email-smtp.${var.region}.amazonaws.com"
    port     = 587
    from     = "Mall <no-reply@${trimprefix(var.address, "https://")}>"
    starttls = true
  }

  # Limited editions that will open. In UTC; half an hour before, the programs get `times` their least number of tasks.
  drops = var.drops

  log_days            = 90
  alarm_mails         = var.alarm_mails
  deletion_protection = var.deletion_protection

  github = {
    sub_prefix        = var.github_sub_prefix
    environment       = "production"
    oidc_provider_arn = var.oidc_provider_arn
  }
}
