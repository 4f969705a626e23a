output "service" {
  value = aws_ecs_service.this.name
}

output "family" {
  value = aws_ecs_task_definition.this.family
}

output "migrate_family" {
  value = one(aws_ecs_task_definition.migrate[*].family)
}

output "role_arns" {
  description = "What a deploy must be allowed to pass on."
  value       = [module.execution_role.arn, module.task_role.arn]
}
