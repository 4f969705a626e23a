mock_provider "aws" {}

variables {
  prefix   = "mall"
  programs = ["gateway", "orders"]
}

run "tags_never_move" {
  command = plan

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "A tag is a commit for ever."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_scanning_configuration[0].scan_on_push])
    error_message = "Scanned when pushed."
  }
  assert {
    condition     = length(aws_ecr_lifecycle_policy.this) == 2
    error_message = "Old images go."
  }
}
