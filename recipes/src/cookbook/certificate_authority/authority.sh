
# Runs openssl with a line of input, and shows what it prints if it fails.
run_openssl() {
  input=$1
  shift
  if ! output=$(printf '%s\n' "$input" | "$openssl" "$@" 2>&1); then
    echo "Issue during calling $openssl $*, result was:" >&2
    printf '%s\n' "$output" >&2
    return 1
  fi
}

make_authority() {
  if [ -e "$key" ] && [ -e "$certificate" ]; then
    return
  fi
  rm -f "$key" "$certificate"
  if ! run_openssl "Certificate Authority $(cat /proc/sys/kernel/random/uuid)" \
    req -utf8 -nodes -config "$configuration" -new -sha256 -x509 -extensions v3_ca \
    -keyout "$key" -out "$certificate" -days 10950
  then
    rm -f "$key" "$certificate"
    exit 1
  fi
}

# Prints an option of the request.
request_option() {
  sed -n "s/^$1[[:space:]]*[=:][[:space:]]*//p" "$request"
}

make_certificate() {
  name=$(request_option name)
  own_key=$(request_option key_file)
  own_certificate=$(request_option certificate_file)
  if [ -z "$name" ] || [ -z "$own_key" ] || [ -z "$own_certificate" ]; then
    echo "$request is no request for a certificate." >&2
    exit 1
  fi
  if [ -e "$own_key" ] && [ -e "$own_certificate" ]; then
    return
  fi
  rm -f "$own_key" "$own_certificate"
  # Whoever waits for the certificate is to find all of it.
  signing_request=$own_certificate.csr
  made=yes
  run_openssl "$name" req -config "$configuration" -nodes -new -sha256 \
    -keyout "$own_key" -out "$signing_request" -days 3650 &&
    run_openssl '' ca -batch -config "$configuration" -out "$own_certificate.new" \
      -infiles "$signing_request" &&
    mv "$own_certificate.new" "$own_certificate" || made=no
  rm -f "$signing_request" "$own_certificate.new"
  if [ $made = no ]; then
    rm -f "$own_key" "$own_certificate"
    exit 1
  fi
  echo "Created certificate '$name'"
}

while :; do
  make_authority
  for request in "$requests"/*; do
    if [ -e "$request" ]; then
      make_certificate
    fi
  done
  sleep 60
done
