# The examples as wholes keep the rules. The provider is a mock: nothing is asked of AWS.

mock_provider "aws" {
  source = "../mocks"
}

variables {
  account_id        = "111122223333"
  certificate_arn   = "arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-0000-0000-000000000000"
  address           = "https://mall.example"
  database_ca       = "-----BEGIN CERTIFICATE-----"
  redis_auth_token  = "0123456789012345678901234567890123456789"
  alarm_mails       = ["operators@mall.example"]
  github_sub_prefix = "repo:example/mall"
  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  images = { for program in ["config-server", "registry", "gateway", "users", "products", "carts", "orders", "payments", "stock", "audit"] :
    program => "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/mall/${program}@sha256:${sha256(program)}"
  }
}

run "staging" {
  command = apply

  module {
    source = "../examples/staging"
  }
}

run "staging_keeps_the_rules" {
  command = plan

  variables {
    kind    = "staging"
    posture = run.staging.posture
  }

  assert {
    condition     = length(output.broken) == 0
    error_message = join("; ", output.broken)
  }
}

run "production" {
  command = apply

  module {
    source = "../examples/production"
  }

  variables {
    drops = { spring = { opens_at = "2027-03-01T03:00:00Z", closes_at = "2027-03-01T05:00:00Z", times = 5 } }
  }
}

run "production_keeps_the_rules" {
  command = plan

  variables {
    kind    = "production"
    posture = run.production.posture
  }

  assert {
    condition     = length(output.broken) == 0
    error_message = join("; ", output.broken)
  }
}
