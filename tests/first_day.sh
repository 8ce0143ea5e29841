#!/usr/bin/env bash
# A first day with mixlake, in an empty folder: records land, a mixture is drawn, another policy and quota are tried,
# a sample is explained, and a release is exported and read again. Ends at the first step that does not hold.
#
#     tests/first_day.sh [FOLDER WITH mixlake, by default .venv/bin]
set -euo pipefail

home=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${1:-$home/.venv/bin}" && pwd)
export PATH="$bin:$PATH"
day=$(mktemp -d)
trap 'rm -rf "$day"' EXIT
cd "$day"

step() { printf '\n== %s\n' "$*"; }
# holds NAME VALUE: ends where a query's only value is another one.
holds() {
  local found
  found=$(mixlake sql "$2" --format csv | tail -n 1)
  [ "$found" = "$3" ] || { echo "$1: $found, where $3 is expected" >&2; exit 1; }
  echo "$1: $found"
}

step "Records of a dump: 200 posts, one line that is no record, one id twice"
mkdir dumps
python - <<'PY'
import json, random

words = (
    "harbour ship letter river mountain winter garden window teacher village market bridge forest engine paper "
    "silver summer morning evening island doctor kitchen library station journey castle valley painter weather"
).split()
drawn = random.Random(7)
with open("dumps/posts.jsonl", "w", encoding="utf-8") as file:
    for number in range(200):
        count = 2 if number % 10 == 0 else 12
        body = " ".join(
            "The {} {} of {} {} and {} {} have {} {} with {}.".format(*drawn.sample(words, 9)) for _ in range(count)
        )
        post = {"id": str(number), "body": body, "lang": "en", "licence": "CC-BY-SA-4.0", "link": f"https://x.org/{number}"}
        file.write(json.dumps(post) + "\n")
    file.write("{no record\n")
    file.write(json.dumps({"id": "7", "body": "Another post of the same id.", "lang": "en"}) + "\n")
PY
cat > sources.yaml <<'YAML'
sources:
  posts:
    {connector: folder, path: dumps, include: ["*.jsonl"], license: CC-BY-SA-4.0, modality: text, kind: forum,
     records: {text: body, id: id, language: lang, license: licence, url: link}}
YAML
cat > quota.yaml <<'YAML'
tokens: 2000
stages: {cold: {share: 1.0, cells: {text/en/forum: {share: 1.0, max_document_share: 1.0}}}}
YAML
cat > mixlake.yaml <<'YAML'
params:
  bronze.sources: {packaged: false, files: [sources.yaml]}
  gold.quotas: {quota: quota.yaml}
YAML

step "Look, plan, run"
mixlake sources formats | sed -n '1,5p'
mixlake sources peek dumps/posts.jsonl --text body --id id | sed -n '1,8p'
mixlake plan +gold.sequences | tail -n 1
mixlake run
holds "posts that landed" "SELECT count(*) FROM bronze.documents" 200
holds "lines and ids that were refused" "SELECT count(*) FROM ledger.quarantine WHERE \"table\" = 'bronze.documents'" 2
mixlake run | tail -n 1

step "Try another policy and another quota; nothing is committed"
before=$(mixlake history gold.samples --json | wc -c)
sed 's/name: base/name: strict/; s/column: information, min: 80/column: information, min: 400/' \
  "$home/jobs/mix/policy.yaml" > strict.yaml
mixlake policy diff strict.yaml --examples 2
mixlake policy diff strict.yaml --json | python -c 'import json, sys; assert json.load(sys.stdin)["total"]["lost"] == 20'
sed 's/tokens: 2000/tokens: 900/' quota.yaml > smaller.yaml
mixlake quota --param gold.quotas.quota=smaller.yaml
[ "$(mixlake history gold.samples --json | wc -c)" = "$before" ]

step "Why a sample is where it is, and where the others went"
sample=$(mixlake sql "SELECT sample_id FROM gold.mixture ORDER BY ALL LIMIT 1" --format csv | tail -n 1)
mixlake why "$sample"
mixlake attrition
mixlake trace "$sample" | sed -n '1,12p'

step "A release, exported and read again"
mixlake release create day-1
mixlake export --at day-1 -o day-1 && mixlake export -o day-1 --verify
mixlake export silver.documents --at day-1 --format jsonl -o posts
[ "$(cat posts/*/*.jsonl posts/*.jsonl 2>/dev/null | wc -l)" = 200 ]
mixlake report -o site >/dev/null && ls site

printf '\nThe day is done: all steps held.\n'
