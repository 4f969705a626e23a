output "address" {
  value = aws_db_instance.this.address
}

output "identifier" {
  value = aws_db_instance.this.identifier
}

output "root_secret_arn" {
  description = "Login of mall_root, made and rotated by RDS."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "security_group" {
  value = aws_security_group.this.id
}
