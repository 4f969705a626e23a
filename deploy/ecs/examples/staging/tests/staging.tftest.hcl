# The example of staging as a whole. The provider is a mock: nothing is asked of AWS.

mock_provider "aws" {
  mock_resource "aws_db_instance" {
    defaults = {
      address            = "mysql.example"
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:rds!db-root" }]
    }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:some/secret-AbCdEf" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:ap-northeast-2:111122223333:task-definition/some:1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/some" }
  }
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-2:111122223333:loadbalancer/app/some/1", arn_suffix = "app/some/1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-2:111122223333:targetgroup/some/1", arn_suffix = "targetgroup/some/1" }
  }
  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-2:111122223333:listener/app/some/1/2" }
  }
  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:ap-northeast-2:111122223333:regional/webacl/some/1" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:ap-northeast-2:111122223333:some" }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:ap-northeast-2:111122223333:cluster/mall-production" }
  }
  mock_resource "aws_service_discovery_http_namespace" {
    defaults = { arn = "arn:aws:servicediscovery:ap-northeast-2:111122223333:namespace/ns-1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:ap-northeast-2:111122223333:log-group:/mall/some" }
  }
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
  images = { for program in ["config-server", "registry", "gateway", "users", "products", "carts", "orders", "payments", "stock"] :
    program => "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/mall/${program}@sha256:${sha256(program)}"
  }
}

run "staging_is_small_but_alike" {
  command = apply

  assert {
    condition     = module.mall.posture.ways_out == 1 && alltrue([for tasks in values(module.mall.posture.tasks_min) : tasks == 1])
    error_message = "As cheap as it can be."
  }
  assert {
    condition     = module.mall.posture.database_is_verified && module.mall.posture.backup_days >= 1
    error_message = "As strict as production."
  }
}
