resource "aws_sqs_queue" "dead" {
  name                      = "${var.bucket}-drops-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "drops" {
  name                       = "${var.bucket}-drops"
  visibility_timeout_seconds = 120
  receive_wait_time_seconds  = 20
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 8
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.drops.arn]
  })
}

data "aws_iam_policy_document" "notify" {
  statement {
    sid       = "BucketTellsQueue"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.drops.arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_s3_bucket.pictures.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "drops" {
  queue_url = aws_sqs_queue.drops.id
  policy    = data.aws_iam_policy_document.notify.json
}

resource "aws_s3_bucket_notification" "drops" {
  bucket = aws_s3_bucket.pictures.id
  queue {
    queue_arn     = aws_sqs_queue.drops.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "${var.prefix}/inbox/"
  }
  depends_on = [aws_sqs_queue_policy.drops]
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.bucket}-drops-dead"
  alarm_description   = "A message was given up. The inbox is listed as well, so its catalogue is not lost: look at its status file."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
}
