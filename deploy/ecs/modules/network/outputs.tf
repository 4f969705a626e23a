output "vpc_id" {
  value = aws_vpc.this.id
}

output "public_subnets" {
  value = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "public_cidrs" {
  description = "Where the load balancer's addresses are."
  value       = [for zone in var.zones : aws_subnet.public[zone].cidr_block]
}

output "private_subnets" {
  value = [for zone in var.zones : aws_subnet.private[zone].id]
}
