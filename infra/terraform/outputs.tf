output "environment" {
  description = "For the ConfigMap or .env."
  value = {
    SHANGXIN_STORE       = "s3://${aws_s3_bucket.pictures.id}/${var.store_prefix}"
    SHANGXIN_INBOX       = "s3://${aws_s3_bucket.pictures.id}/${var.prefix}"
    SHANGXIN_INBOX_QUEUE = aws_sqs_queue.drops.url
  }
}

output "role_arn" {
  description = "For the service account's annotation."
  value       = try(aws_iam_role.work[0].arn, "")
}

output "sender_policy_arn" {
  description = "To attach to whoever drops catalogues."
  value       = aws_iam_policy.send.arn
}
