variable "name" {
  type = string
}

variable "secrets" {
  description = "Name to what it is for."
  type        = map(string)
}

variable "recovery_days" {
  description = "How long a deleted secret can be brought back; 0 deletes at once."
  type        = number
}
