output "address" {
  value = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "members" {
  value = [for index in range(var.nodes) : format("%s-%03d", var.name, index + 1)]
}

output "security_group" {
  value = aws_security_group.this.id
}
