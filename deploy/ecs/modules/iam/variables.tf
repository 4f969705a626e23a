variable "sub_prefix" {
  description = <<-TEXT
    How GitHub's tokens name the repository: repo:OWNER/NAME. Repositories made after 15 July 2026 carry numbers as well:
    repo:OWNER@OWNER_ID/NAME@NAME_ID.
  TEXT
  type        = string

  validation {
    condition     = can(regex("^repo:[^*/]+/[^*:]+$", var.sub_prefix))
    error_message = "One repository, without wildcards: repo:OWNER/NAME."
  }
}

variable "oidc_provider_arn" {
  description = "An account has one for GitHub; null makes it."
  type        = string
}

variable "roles" {
  description = "Name to: the environment of the repository that may take it, and what it may then do (a policy in JSON)."
  type = map(object({
    environment = string
    description = string
    policy      = string
  }))
}
