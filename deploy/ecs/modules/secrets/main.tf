# The places of secrets. What is in them is never Terraform's, so that no state file holds it: `bin/secrets` makes the values.

resource "aws_secretsmanager_secret" "this" {
  for_each                = var.secrets
  name                    = "${var.name}/${each.key}"
  description             = each.value
  recovery_window_in_days = var.recovery_days
}
