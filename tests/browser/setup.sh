#!/usr/bin/env bash
# Install what the browser tests need and this machine lacks: Chromium, and fonts for Chinese and emoji.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
has_font() { command -v fc-list >/dev/null && fc-list | grep -qi "$1"; }
has_font "NotoSansCJK\|Noto Sans CJK" || missing+=(fonts-noto-cjk)
has_font "NotoColorEmoji" || missing+=(fonts-noto-color-emoji)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "The browser tests need ${missing[*]}: install them, or run 'make quick', which does without."
    exit 1
fi
