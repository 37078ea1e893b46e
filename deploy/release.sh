#!/usr/bin/env bash
# Makes a release archive for this machine's kind: binary, completions, manuals, units, licences, checksums.
# Usage: deploy/release.sh [--binary FILE]    with a binary that is there it builds nothing (for a test of the packing)
# Needs cargo, a C compiler, tar, gzip and sha256sum. The same binary packed again gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=
case "${1:-}" in
  --binary) binary=${2:?"--binary needs a file"} ;;
  "") ;;
  *) echo "usage: deploy/release.sh [--binary FILE]" >&2; exit 2 ;;
esac
out=${CARRY_RELEASE_DIR:-target/release-archives}
if [ -z "$binary" ]; then
  cargo build --locked --profile dist --bin carry
  binary=${CARGO_TARGET_DIR:-target}/dist/carry
fi

version=$("$binary" --version | cut -d ' ' -f 2)
name="carry-$version-$(uname -m)-$(uname -s | tr '[:upper:]' '[:lower:]')"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
share="$stage/$name/share"
install -D -m 0755 "$binary" "$stage/$name/bin/carry"
install -d "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
"$binary" completions bash > "$share/bash-completion/completions/carry"
"$binary" completions zsh > "$share/zsh/site-functions/_carry"
"$binary" completions fish > "$share/fish/vendor_completions.d/carry.fish"
for file in README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE strategies/README.md deploy/README.md deploy/venue.md deploy/manual/*.md deploy/runbook/*.md deploy/prometheus/README.md; do
  install -D -m 0644 "$file" "$share/doc/carry/$file"
done
for file in config/carry.toml strategies/*.toml deploy/*.service deploy/prometheus/*.yml deploy/grafana/*.json; do
  install -D -m 0644 "$file" "$share/carry/$file"
done
(cd "$stage/$name" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > SHA256SUMS)

mkdir -p "$out"
archive="$out/$name.tar.gz"
stamp=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar --directory "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" --create "$name" | gzip -9 -n > "$archive"
(cd "$out" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
echo "$archive"
