#!/usr/bin/env bash
# A walk through the API of Guildhall with curl and jq.
set -euo pipefail

# How often a request is sent at most.
TRIES=5

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# In a file, so that no list of processes shows the key; `mktemp -d` made the folder for its owner alone.
printf 'Authorization: Bearer %s\n' "${GUILDHALL_KEY:?is not set}" >"$work/credential"
url=${GUILDHALL_URL:?is not set}/api/v1

# ask METHOD PATH [option of curl]...: leaves $status, and the answer for `of` and `header`.
# After a 429 it is sent again, when `Retry-After` has passed. Such an answer says that nothing was done.
ask() {
    local method=$1 path=$2 sent
    shift 2
    for ((sent = 1; ; sent++)); do
        status=$(curl --silent --show-error --request "$method" --header "@$work/credential" \
            --header 'Content-Type: application/json' --dump-header "$work/head" --output "$work/body" \
            --write-out '%{http_code}' "$@" "$url$path")
        if [ "$status" != 429 ] || [ "$sent" = "$TRIES" ]; then return; fi
        sleep "$(header retry-after)"
    done
}

# done_with METHOD PATH [option of curl]...: the same, and a problem ends it all.
done_with() {
    ask "$@"
    if [ "$status" -ge 400 ]; then
        echo "error: $(of '"\(.code) (\(.status)): \(.detail)"')" >&2
        exit 1
    fi
}

# refused METHOD PATH [option of curl]...: the same, and a problem has to come.
refused() {
    ask "$@"
    if [ "$status" -lt 400 ]; then
        echo "error: $status where a problem was expected" >&2
        exit 1
    fi
}

# What jq makes of the answer.
of() { jq --raw-output "$@" "$work/body"; }

# A header of the answer.
header() { sed --quiet "s/^$1: \(.*\)\r\$/\1/Ip" "$work/head"; }

done_with GET /me
of '"me: \(.roles | join(" "))"'

done_with POST /records/company --data '{"name": "Example Ltd"}'
of '"company: \(.name), version \(.version)"'
company=$(of .id)
done_with POST /records/contact --data '{"name": "Ann Example", "company": "'"$company"'"}'
of '"contact: \(.name), version \(.version)"'
ann=/records/contact/$(of .id)
etag=$(header etag)

# A change of what was read: it is done if nobody else has changed the record since.
done_with PATCH "$ann" --header "If-Match: $etag" --data '{"city": "Bern"}'
of '"changed: \(.city), version \(.version)"'
changed=$(header etag)
refused PATCH "$ann" --header "If-Match: $etag" --data '{"city": "Basel"}'
of '"conflict: \(.status) \(.code), at version \(.current_version)"'

# Sent twice, done once: whoever has lost an answer sends the same again.
key=$(cat /proc/sys/kernel/random/uuid)
jq --null-input --arg company "$company" '{mode: "atomic", operations: ["Bob", "Cid", "Eve", "Zoë"]
    | map({op: "create", fields: {name: "\(.) Example", company: $company}})}' >"$work/batch"
batch() { done_with POST /records/contact/batch --header "Idempotency-Key: $key" --data "@$work/batch"; }
batch
of '"batch: \([.outcomes[].status | tostring] | join(" "))"'
cp "$work/body" "$work/first"
batch
equal="another answer"
if cmp --quiet "$work/first" "$work/body"; then equal="the same answer"; fi
echo "again: $equal, replayed: $(header idempotency-replayed)"

filter=$(jq --null-input --compact-output --arg company "$company" '{company: {_eq: $company}}')
cursor=()
: >"$work/ids"
while
    done_with GET /records/contact --get --data-urlencode "filter=$filter" --data sort=-name --data limit=2 \
        --data fields=name "${cursor[@]}"
    of '"page: \([.data[].name] | join(", "))"'
    of '.data[].id' >>"$work/ids"
    next=$(of '.next_cursor // empty')
    [ -n "$next" ]
do
    cursor=(--data-urlencode "cursor=$next")
done

done_with DELETE "$ann" --header "If-Match: $changed"
refused GET "$ann"
of '"deleted: \(.status) \(.code)"'
done_with POST "$ann/restore"
of '"restored: \(.record.name), version \(.record.version)"'
done_with GET "$ann/timeline"
of '"timeline: \([.data[].type] | join(" "))"'

# Nothing is left behind.
jq --raw-input --null-input '{mode: "atomic", operations: [inputs | {op: "delete", id: .}]}' <"$work/ids" >"$work/batch"
done_with POST /records/contact/batch --data "@$work/batch"
done_with DELETE "/records/company/$company"
echo "cleaned: $(wc -l <"$work/ids") contacts, 1 company"
