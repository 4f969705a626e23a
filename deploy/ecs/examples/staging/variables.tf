variable "region" {
  type    = string
  default = "ap-northeast-2"
}

variable "account_id" {
  type = string
}

variable "zones" {
  type    = list(string)
  default = ["ap-northeast-2a", "ap-northeast-2c"]
}

variable "images" {
  description = "images.tfvars.json, written by bin/build-push."
  type        = map(string)
}

variable "running" {
  description = "false for the very first apply."
  type        = bool
  default     = true
}

variable "certificate_arn" {
  type = string
}

variable "address" {
  type = string
}

variable "database_ca" {
  description = "The region's bundle of RDS certificates (PEM): -var database_ca=\"$(cat ap-northeast-2-bundle.pem)\"."
  type        = string
}

variable "redis_auth_token" {
  description = "TF_VAR_redis_auth_token=\"$(bin/secrets show redis)\"."
  type        = string
  sensitive   = true
}

variable "redis_auth_token_update" {
  type    = string
  default = "ROTATE"
}

variable "alarm_mails" {
  type = list(string)
}

variable "github_sub_prefix" {
  description = "repo:OWNER/NAME, or with numbers: see modules/iam."
  type        = string
}

variable "oidc_provider_arn" {
  description = "Output of examples/common."
  type        = string
}

variable "max_retries" {
  type    = number
  default = 25
}
