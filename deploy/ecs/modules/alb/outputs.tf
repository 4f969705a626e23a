output "dns_name" {
  value = aws_lb.this.dns_name
}

output "zone_id" {
  value = aws_lb.this.zone_id
}

output "security_group" {
  value = aws_security_group.this.id
}

output "arn_suffix" {
  value = aws_lb.this.arn_suffix
}

output "target_group_arn" {
  value = aws_lb_target_group.gateway.arn
  # A service can only join a target group that a listener uses.
  depends_on = [aws_lb_listener.https]
}

output "target_group_arn_suffix" {
  value = aws_lb_target_group.gateway.arn_suffix
}
