mock_provider "aws" {
  source = "../../mocks"
}

variables {
  sub_prefix        = "repo:example/mall"
  oidc_provider_arn = null
  roles = {
    mall-test-deploy = {
      environment = "production"
      description = "some"
      policy      = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

run "one_repository_in_one_environment" {
  command = apply

  assert {
    condition     = jsondecode(aws_iam_role.this["mall-test-deploy"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/mall:environment:production"
    error_message = "Nobody else takes the role."
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["mall-test-deploy"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    error_message = "And only with a token that was made for AWS."
  }
  assert {
    condition     = !contains(keys(jsondecode(aws_iam_role.this["mall-test-deploy"].assume_role_policy).Statement[0].Condition), "StringLike")
    error_message = "Nothing like it: equal."
  }
}

run "numbers_in_the_prefix" {
  command = plan

  variables {
    sub_prefix = "repo:example@1234/mall@5678"
  }
  assert {
    condition     = strcontains(jsonencode(var.sub_prefix), "@5678")
    error_message = "Repositories made after July 2026 carry numbers."
  }
}

run "no_wildcard" {
  command = plan

  variables {
    sub_prefix = "repo:example/*"
  }
  expect_failures = [var.sub_prefix]
}
