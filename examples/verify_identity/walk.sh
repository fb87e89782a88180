#!/bin/sh
# Signs in with curl, as a browser without script would, and asks the app who we are.
#   walk.sh USER     reads two lines: the password, and the authenticator's secret in base32
# Needs curl and oathtool. GATE is where the gate is, by default http://localhost:8080.
set -eu
gate=${GATE:-http://localhost:8080}
user=$1
IFS= read -r password
IFS= read -r secret

umask 077
jar=$(mktemp)
trap 'rm -f "$jar"' EXIT

ask() { curl -sS --fail-with-body -b "$jar" -c "$jar" -H 'Accept: text/html' "$@"; }

# The hidden field that shows that the form is one of the gate's.
token() { sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -n 1; }

# Sends a form; the last field comes by standard input, where no other process can read it.
send() {
    page=$1 field=$2
    shift 2
    csrf=$(ask "$gate/_vestibule/$page" | token)
    ask -o /dev/null "$@" --data-urlencode "csrf=$csrf" --data-urlencode "$field@-" "$gate/_vestibule/$page"
}

echo "before: $(curl -sS -o /dev/null -w '%{http_code}' "$gate/")"
printf %s "$password" | send login password --data-urlencode "username=$user"
oathtool --totp -b - <<TXT | tr -d '\n' | send second-factor code
$secret
TXT
echo "the gate says: $(ask "$gate/_vestibule/whoami")"
echo "the app says:  $(ask "$gate/")"
ask "$gate/_vestibule/logout" | token | tr -d '\n' | ask -o /dev/null --data-urlencode csrf@- "$gate/_vestibule/logout"
echo "after: $(curl -sS -o /dev/null -w '%{http_code}' -b "$jar" "$gate/")"
