variable "name" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnets" {
  description = "Public ones."
  type        = list(string)
}

variable "certificate_arn" {
  description = "Of ACM, for the mall's name."
  type        = string
}

variable "gateway_security_group" {
  type = string
}

variable "gateway_port" {
  type = number
}

variable "deletion_protection" {
  type = bool
}

variable "requests_per_address" {
  description = "In five minutes, of one address; more are answered 429. Shoppers behind one NAT share an address."
  type        = number
}
