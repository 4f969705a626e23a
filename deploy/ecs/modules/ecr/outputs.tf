output "repositories" {
  description = "Program to address."
  value       = { for program, repository in aws_ecr_repository.this : program => repository.repository_url }
}

output "arns" {
  value = [for repository in aws_ecr_repository.this : repository.arn]
}
