variable "region" {
  type    = string
  default = "ap-northeast-2"
}

variable "account_id" {
  type = string
}

variable "github_sub_prefix" {
  description = "repo:OWNER/NAME, or with numbers: see modules/iam."
  type        = string
}

variable "programs" {
  type    = set(string)
  default = ["config-server", "registry", "gateway", "users", "products", "carts", "orders", "payments", "stock", "audit"]
}

variable "max_retries" {
  type    = number
  default = 25
}
