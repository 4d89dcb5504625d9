"""Terraform without a provider: it parses, every reference leads somewhere, and nobody gets more than they need."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.infra.manifests import INFRA

FOLDER = INFRA / "terraform"
FILES = sorted(FOLDER.glob("*.tf"))
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in FILES)


def parsed() -> list[dict[str, Any]]:
    found = []
    for path in FILES:
        with path.open(encoding="utf-8") as file:
            found.append(hcl2.load(file))
    return found


def unquoted(name: str) -> str:
    return name.strip('"')


def declared(kind: str) -> set[str]:
    names = set()
    for document in parsed():
        for block in document.get(kind, ()):
            for first, inner in block.items():
                if kind in {"resource", "data"}:
                    names.update(
                        f"{unquoted(first)}.{unquoted(second)}" for second in inner if second != "__is_block__"
                    )
                else:
                    names.add(unquoted(first))
    return names


def test_every_file_parses_and_declares_what_the_runbook_promises() -> None:
    resources = declared("resource")
    assert {
        "aws_s3_bucket.pictures",
        "aws_sqs_queue.drops",
        "aws_sqs_queue.dead",
        "aws_s3_bucket_notification.drops",
        "aws_iam_policy.work",
        "aws_iam_policy.send",
    } <= resources


def test_every_reference_leads_somewhere() -> None:
    resources, data, variables = declared("resource"), declared("data"), declared("variable")
    used = set(re.findall(r"(?<![\w.])(aws_\w+\.\w+)", re.sub(r"data\.aws_\w+\.\w+", "", TEXT)))
    assert used <= resources
    assert set(re.findall(r"data\.(aws_\w+\.\w+)", TEXT)) <= data
    assert set(re.findall(r"var\.(\w+)", TEXT)) <= variables
    assert variables <= set(re.findall(r"var\.(\w+)", TEXT)), "a variable that nothing reads"


def test_our_own_processes_get_named_actions_on_named_things() -> None:
    work = (FOLDER / "roles.tf").read_text(encoding="utf-8")
    actions = set(re.findall(r'"((?:s3|sqs|iam|kms|sts):[^"]+)"', work)) - {"s3:prefix"}
    assert actions == {
        *("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging", "s3:GetObjectTagging"),
        *("s3:ListBucket", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
        "sts:AssumeRoleWithWebIdentity",
    }
    assert '["*"]' not in work


def test_the_bucket_is_private_encrypted_and_versioned_and_the_queue_has_a_dead_letter_queue() -> None:
    for block in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"):
        assert re.search(rf"{block}\s*=\s*true", TEXT)
    assert "aws:SecureTransport" in TEXT
    assert re.search(r'sse_algorithm\s*=\s*"aws:kms"', TEXT)
    assert re.search(r'status\s*=\s*"Enabled"', TEXT)
    assert "deadLetterTargetArn = aws_sqs_queue.dead.arn" in TEXT
    assert re.search(r'variable\s*=\s*"aws:SourceArn"', TEXT)


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on this machine")
def test_terraform_itself_finds_it_well_formed(tmp_path: Path) -> None:
    """`validate` needs the provider's schema from the registry; `fmt` parses and needs nothing."""
    for path in FILES:
        shutil.copy(path, tmp_path)
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
