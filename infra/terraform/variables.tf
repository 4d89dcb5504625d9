variable "bucket" {
  description = "Name of the bucket for pictures, inbox and reports."
  type        = string
}

variable "prefix" {
  description = "Where the inbox lies: <prefix>/inbox/, <prefix>/processed/, <prefix>/failed/."
  type        = string
  default     = "shop"
}

variable "store_prefix" {
  description = "Where masters, renditions and runs are stored."
  type        = string
  default     = "pictures"
}

variable "oidc_provider_arn" {
  description = "The cluster's OIDC provider, for roles of service accounts; empty: no role is made."
  type        = string
  default     = ""
}

variable "oidc_subject" {
  description = "Which service account may take the role."
  type        = string
  default     = "system:serviceaccount:shangxin:shangxin"
}

variable "expire_reports_days" {
  description = "Old versions and unfinished uploads go after so many days."
  type        = number
  default     = 30
}
