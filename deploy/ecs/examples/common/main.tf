# Once for an account: the repositories of images, and who may push to them. Staging and production run the same images.

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
    tags = { project = "mall", environment = "common" }
  }
}

module "ecr" {
  source   = "../../modules/ecr"
  prefix   = "mall"
  programs = var.programs
}

module "github" {
  source            = "../../modules/iam"
  sub_prefix        = var.github_sub_prefix
  oidc_provider_arn = null
  roles = {
    mall-build = {
      environment = "build"
      description = "Pushes images, and nothing else"
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "LogIn"
            Effect = "Allow"
            # Knows no resource.
            Action   = ["ecr:GetAuthorizationToken"]
            Resource = "*"
          },
          {
            Sid    = "Push"
            Effect = "Allow"
            Action = [
              "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
              "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
            ]
            Resource = module.ecr.arns
          },
        ]
      })
    }
  }
}
