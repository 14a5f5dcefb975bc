//! `slapos.cookbook:certificate_authority`, `:sshkeys_authority` and their requests.

use crate::case::{Case, Difference, Step};

const SELF_CONTAINED: &str = "our scripts need no package of Python's";

const AUTHORITY: &str = "[buildout]
parts = authority request
[ca]
root = ${buildout:directory}/ca
[authority]
recipe = slapos.cookbook:certificate_authority
ca-dir = ${ca:root}
requests-directory = ${ca:root}/requests
ca-private = ${ca:root}/private
ca-certs = ${ca:root}/certs
ca-newcerts = ${ca:root}/newcerts
ca-crl = ${ca:root}/crl
wrapper = ${buildout:bin-directory}/authority
openssl-binary = openssl
city = Lille
company = it's
[request]
recipe = slapos.cookbook:certificate_authority.request
requests-directory = ${ca:root}/requests
ca-private = ${ca:root}/private
ca-certs = ${ca:root}/certs
name = www.example.com
key-file = ${buildout:directory}/key
cert-file = ${buildout:directory}/cert
executable = /bin/echo
wrapper = ${buildout:bin-directory}/wrapper
";

fn authority(name: &'static str, profile: &str) -> Case {
    Case::new(name, profile).directories(&["ca/requests", "ca/private", "ca/certs", "ca/newcerts"])
}

/// Runs the authority until the certificate is there, and shows what it made.
const MAKE_CERTIFICATE: &str = "PYTHONUNBUFFERED=1 bin/authority >out & authority=$!
bin/wrapper arguments
until grep -q Created out; do sleep 0.1; done; cat out
kill $authority; wait 2>/dev/null
openssl verify -CAfile ca/cacert.pem cert
for file in ca/cacert.pem cert; do
  openssl x509 -in $file -noout -subject -issuer -ext basicConstraints,nsComment -nameopt RFC2253 |
    sed 's/[0-9a-f]\\{8\\}-[0-9a-f-]*/UUID/'
  openssl x509 -in $file -noout -text | grep 'Signature Algorithm\\|Public-Key' | sort -u
  days=$(( ($(date -d \"$(openssl x509 -in $file -noout -enddate | cut -d= -f2)\" +%s) - $(date +%s) + 43200) / 86400 ))
  echo $(( days / 10 ))
done
openssl rsa -in key -noout -check
cut -f1,4-6 ca/index.txt; cat ca/serial ca/requests/*
ls ca ca/* | sed 's/[0-9a-f]\\{40,\\}/HASH/'
rm -r out ca/cacert.pem ca/private/* ca/certs/* ca/newcerts/* ca/index.txt* ca/serial*";

const SSH: &str = "[buildout]
parts = authority request
[authority]
recipe = slapos.cookbook:sshkeys_authority
request-directory = ${buildout:directory}/requests
keygen-binary = ${buildout:directory}/openssh-keygen
wrapper = ${buildout:bin-directory}/authority
[request]
recipe = slapos.cookbook:sshkeys_authority.request
request-directory = ${buildout:directory}/requests
keys-directory = ${buildout:directory}/kéys
name = my \"key
type = rsa
size = 2048
public-key = public
private-key = private
executable = /bin/echo
wrapper = ${buildout:bin-directory}/wrapper
";

fn ssh(name: &'static str, profile: &str) -> Case {
    Case::new(name, profile).directories(&["requests", "kéys"])
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        authority("certificate", AUTHORITY)
            .differs_in_content("bin/authority", SELF_CONTAINED)
            .differs_in_content("bin/wrapper", SELF_CONTAINED)
            .differs_in_content("ca/openssl.cnf", "ours has what is used of it")
            .executes(MAKE_CERTIFICATE),
        authority("certificate-authority-without-openssl", &AUTHORITY.replace("openssl-binary", "openssl"))
            .fails()
            .leaks("ca/crlnumber")
            .leaks("ca/serial")
            .leaks("ca/index.txt")
            .leaks("ca/openssl.cnf"),
        authority(
            "certificate-name",
            &AUTHORITY.replace("name = www.example.com\n", "").replace("authority request", "request"),
        )
        .differs_in_content("bin/wrapper", SELF_CONTAINED),
        authority("certificate-no-link", &AUTHORITY.replace("authority request", "request"))
            .file("cert", "")
            .fails()
            .leaks("ca/requests/*"),
        // Key and certificate that are given, those that are not, and those that do not match.
        authority(
            "certificate-given",
            &format!(
                "{}key-content =\ncert-content = x\n",
                AUTHORITY.replace("authority request", "request")
            ),
        )
        .differs_in_content("bin/wrapper", SELF_CONTAINED),
        authority(
            "certificate-given-badly",
            &format!(
                "{}key-content = x\ncert-content = y\n",
                AUTHORITY.replace("authority request", "request")
            ),
        )
        .fails(),
        authority("certificate-given-well", "[buildout]\nparts =\n").steps([
            Step::Execute(
                "for name in a b; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key \
                 -out $name.crt -subj /CN=x 2>/dev/null; done"
                    .into(),
            ),
            Step::Execute(format!(
                "cat >profile <<'END'\n{}END\n\
                 for name in key cert; do sed -n \"/^$name-file/p\" profile; done",
                AUTHORITY.replace("authority request", "request")
            )),
            Step::Execute(
                "pair() { cat profile; echo key-content =; sed 's/^/  /' $1.key; \
                 echo cert-content =; sed 's/^/  /' $2.crt; }\n\
                 pair a b >buildout.cfg"
                    .into(),
            ),
            Step::Run,
            Step::Execute(
                "{ cat profile; echo key-content =; sed 's/^/  /' a.key; \
                 echo cert-content =; sed 's/^/  /' a.crt; } >buildout.cfg"
                    .into(),
            ),
            Step::Run,
            Step::Execute("cmp -s key a.key; echo $?; cmp -s cert a.crt; echo $?; ls -L key cert; rm -f ca/*/* ?.crt ?.key".into()),
        ])
        .differs(
            Difference::Value("request".into(), "key-content".into()),
            "it is made anew on each side",
        )
        .differs(
            Difference::Value("request".into(), "cert-content".into()),
            "it is made anew on each side",
        )
        .differs_in_content("ca/*", "it is made anew on each side")
        .differs_in_content("a.*", "it is made anew on each side")
        .differs_in_content("b.*", "it is made anew on each side"),
        ssh("ssh-keys", SSH)
            .differs_in_content("kéys/*", "keys are random")
            .program("openssh-keygen", "#!/bin/sh\nexec ssh-keygen \"$@\" >/dev/null\n")
            .differs_in_content("bin/authority", SELF_CONTAINED)
            .differs_in_content("bin/wrapper", SELF_CONTAINED)
            .executes(
                "bin/authority & bin/wrapper made; until [ -s public ]; do sleep 0.1; done
                 ssh-keygen -lf public | cut -d' ' -f1,3-; kill $!; wait 2>/dev/null
                 ls -l k*s | cut -c1-10; echo ssh-rsa VALUE= >public; rm private",
            )
            .then([Step::Run]),
        ssh("ssh-key-size", &SSH.replace("2048", "big")).fails().differs_in_content("bin/authority", SELF_CONTAINED),
        ssh("ssh-key-without-directory", &SSH.replace("keys-directory", "keys"))
            .fails(),
    ]
}
