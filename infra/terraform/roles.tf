# What our processes may do: objects under two prefixes of one bucket, messages of one queue. No bucket settings, no other
# bucket, no key policies.
data "aws_iam_policy_document" "work" {
  statement {
    sid       = "Objects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging", "s3:GetObjectTagging"]
    resources = [for prefix in [var.store_prefix, var.prefix] : "${aws_s3_bucket.pictures.arn}/${prefix}/*"]
  }
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.pictures.arn]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.store_prefix}/*", "${var.prefix}/*"]
    }
  }
  statement {
    sid       = "Messages"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    resources = [aws_sqs_queue.drops.arn]
  }
}

resource "aws_iam_policy" "work" {
  name   = "${var.bucket}-work"
  policy = data.aws_iam_policy_document.work.json
}

data "aws_iam_policy_document" "trust" {
  count = var.oidc_provider_arn == "" ? 0 : 1
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [var.oidc_provider_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${element(split("oidc-provider/", var.oidc_provider_arn), 1)}:sub"
      values   = [var.oidc_subject]
    }
  }
}

resource "aws_iam_role" "work" {
  count              = var.oidc_provider_arn == "" ? 0 : 1
  name               = "${var.bucket}-work"
  assume_role_policy = data.aws_iam_policy_document.trust[0].json
}

resource "aws_iam_role_policy_attachment" "work" {
  count      = var.oidc_provider_arn == "" ? 0 : 1
  role       = aws_iam_role.work[0].name
  policy_arn = aws_iam_policy.work.arn
}

# Whoever drops catalogues: into the inbox, and reads what comes back beside them. Nothing else.
data "aws_iam_policy_document" "send" {
  statement {
    sid       = "Drop"
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["${aws_s3_bucket.pictures.arn}/${var.prefix}/inbox/*"]
  }
}

resource "aws_iam_policy" "send" {
  name   = "${var.bucket}-send"
  policy = data.aws_iam_policy_document.send.json
}
