mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                   = "mall-test"
  vpc_id                 = "vpc-1"
  subnets                = ["subnet-1", "subnet-2"]
  certificate_arn        = "arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-0000-0000-000000000000"
  gateway_security_group = "sg-1"
  gateway_port           = 8080
  deletion_protection    = true
  requests_per_address   = 6000
}

run "tls_and_nothing_else" {
  command = apply

  assert {
    condition     = aws_lb_listener.https.protocol == "HTTPS" && strcontains(aws_lb_listener.https.ssl_policy, "TLS13")
    error_message = "TLS 1.2 at least."
  }
  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS"
    error_message = "Plain HTTP only says where to go."
  }
  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.desync_mitigation_mode == "strictest"
    error_message = "What can be read in two ways goes no further."
  }
}

run "a_gateway_counts_when_it_is_ready" {
  command = plan

  assert {
    condition     = aws_lb_target_group.gateway.health_check[0].path == "/actuator/health/readiness"
    error_message = "Readiness, not liveness: it goes down first when a task stops."
  }
  assert {
    condition     = tonumber(aws_lb_target_group.gateway.deregistration_delay) >= 15
    error_message = "At least as long as the longest answer."
  }
}

run "operators_pages_stay_inside" {
  command = apply

  assert {
    condition     = contains(flatten(aws_lb_listener_rule.operators.condition[*].path_pattern[0].values), "/actuator/prometheus*")
    error_message = "The world sees no metrics."
  }
}
