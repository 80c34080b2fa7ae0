# fish completion for posthaste(1)
# `make lint` compares the options with those of `posthaste --help`.

function __posthaste_accounts
	posthaste --print-config 2>/dev/null | string replace -rf '^\[account (.*)\]$' '$1'
end

function __posthaste_profiles
	posthaste --print-config 2>/dev/null | string replace -rf '^\[oauth2 (.*)\]$' '$1'
end

function __posthaste_entries
	posthaste --queue-list --report=json 2>/dev/null | string replace -rf '^\{"id":"([0-9A-Za-z]*)".*' '$1'
end

function __posthaste_keys
	printf '%s=\n' \
		host port protocol tls tls_trust tls_name tls_priority tls_resume tls_dane auth \
		tls_pin tls_fingerprint tls_crl tls_cert tls_key \
		tls_key_password_file tls_key_password_command \
		user authzid password tls_key_password password_file password_command token_command oauth2 \
		netrc from from_name helo ignore_extensions source proxy fallback dsn_notify dsn_return \
		timeout_connect timeout_tls timeout_command timeout_data \
		timeout_end deadline queue unknown flush_on_send \
		max_messages_per_connection rate strict all_or_nothing \
		max_message_size max_attachments max_attachment_size log log_format
end

complete -c posthaste -f
complete -c posthaste -s f -l from -x -d 'sender (reverse-path); \'<>\' is the null one'
complete -c posthaste -s F -l from-name -x -d 'full name for a From that has to be made'
complete -c posthaste -s t -l read-recipients -d 'add the recipients in To, Cc and Bcc'
complete -c posthaste -l read-envelope-from -d 'take the sender from the message\'s From'
complete -c posthaste -s i -l ignore-dots -d 'a lone dot does not end the message'
complete -c posthaste -l message -r -F -d 'read the message from FILE, not standard input'
complete -c posthaste -s N -l dsn-notify -x -a 'never success failure delay' -d 'ask for notices: never, or success, failure, delay'
complete -c posthaste -s R -l dsn-return -x -a 'full hdrs' -d 'what a notice is to carry: full or hdrs'
complete -c posthaste -s V -l envid -x -d 'envelope id for notices, in xtext'
complete -c posthaste -l all-or-nothing -d 'send only if the relay accepts every recipient'
complete -c posthaste -l require-tls -d 'TLS on every hop (REQUIRETLS)'
complete -c posthaste -l deliver-by -x -d 'time limit for delivery: notify or return'
complete -c posthaste -l hold-for -x -d 'the relay is to hold the message so long'
complete -c posthaste -l hold-until -x -d 'or until then: 2030-01-31T08:00:00Z'
complete -c posthaste -l priority -x -d '-9 to 9 (MT-PRIORITY)'
complete -c posthaste -s s -l subject -x -d 'subject; builds a message, with standard input as its text'
complete -c posthaste -l to -x -d 'recipients for the To field'
complete -c posthaste -l cc -x -d 'recipients for the Cc field'
complete -c posthaste -l bcc -x -d 'recipients that the message does not name'
complete -c posthaste -l reply-to -x -d 'where answers are to go'
complete -c posthaste -l in-reply-to -x -d 'message that this one answers'
complete -c posthaste -l header -x -d 'one more header field'
complete -c posthaste -l text -r -F -d 'the text, if not standard input'
complete -c posthaste -l html -r -F -d 'the same as HTML'
complete -c posthaste -l calendar -r -F -d 'an invitation (iCalendar)'
complete -c posthaste -l attach -r -F -d 'attach a file; - is standard input'
complete -c posthaste -l inline -r -F -d 'a file that the HTML shows as cid:ID'
complete -c posthaste -l charset -x -d 'character set of the text, if not the locale\'s'
complete -c posthaste -s a -l account -x -a '(__posthaste_accounts)' -d 'account to use'
complete -c posthaste -s C -l config -r -F -d 'read only this configuration'
complete -c posthaste -l set -x -a '(__posthaste_keys)' -d 'set any account setting'
complete -c posthaste -l password-fd -x -d 'read the password from descriptor N'
complete -c posthaste -l host -x -d 'the relay: a name, an address, a socket\'s /path, srv:DOMAIN'
complete -c posthaste -l port -x -d 'TCP port; 465, 587 with starttls, 25 without TLS, 24 for LMTP'
complete -c posthaste -l protocol -x -a 'smtp lmtp' -d 'what the relay speaks: smtp or lmtp'
complete -c posthaste -l tls -x -a 'implicit starttls none' -d 'implicit, starttls or none; for a socket, none'
complete -c posthaste -l tls-trust -r -F -a 'system tofu' -d 'whom to believe: system, tofu, or a PEM file of authorities'
complete -c posthaste -l tls-name -x -d 'name the certificate must have, if not the host\'s'
complete -c posthaste -l tls-priority -x -d 'GnuTLS priority string'
complete -c posthaste -l tls-resume -d 'keep TLS sessions for the next process'
complete -c posthaste -l tls-pin -x -d 'keys that the relay may have: sha256:BASE64, ...'
complete -c posthaste -l tls-fingerprint -x -d 'certificates that the relay may have: sha256:HEX, ...'
complete -c posthaste -l tls-crl -r -F -d 'PEM file of certificate revocation lists'
complete -c posthaste -l tls-cert -r -F -d 'our certificate: a PEM file or a pkcs11: URI'
complete -c posthaste -l tls-key -r -F -d 'its private key, if that is elsewhere'
complete -c posthaste -l tls-key-password-file -r -F -d 'private file that holds the key\'s password'
complete -c posthaste -l tls-key-password-command -x -d 'shell command that prints the key\'s password'
complete -c posthaste -l tls-dane -x -a 'off on require' -d 'believe the relay\'s TLSA records: off, on or require'
complete -c posthaste -l auth -x -a 'auto none scram EXTERNAL SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN OAUTHBEARER XOAUTH2 GSSAPI DIGEST-MD5 NTLM ANONYMOUS' -d 'auto, none, or a list of SASL mechanisms'
complete -c posthaste -l user -x -d 'login name at the relay'
complete -c posthaste -l authzid -x -d 'identity to act as, if not the user\'s own'
complete -c posthaste -l password -x -a 'keyring prompt' -d 'where the password is'
complete -c posthaste -l tls-key-password -x -a 'keyring prompt' -d 'where the key\'s password is'
complete -c posthaste -l password-file -r -F -d 'private file that holds the password'
complete -c posthaste -l password-command -x -d 'shell command that prints the password'
complete -c posthaste -l token-command -x -d 'shell command that prints an OAuth 2 access token'
complete -c posthaste -l oauth2 -x -a '(__posthaste_profiles)' -d 'OAuth 2 profile that logs in: see --oauth2-login'
complete -c posthaste -l netrc -r -F -d 'netrc file with the relay\'s login and password'
complete -c posthaste -l ignore-extensions -x -d 'EHLO keywords to overlook, for a relay that has them wrong'
complete -c posthaste -l helo -x -d 'how to introduce ourselves, if not by the host\'s name'
complete -c posthaste -l source -x -d 'local address or interface to connect from'
complete -c posthaste -l fallback -x -a '(__posthaste_accounts)' -d 'accounts to send by when this one\'s relay is of no use'
complete -c posthaste -l proxy -x -d 'connect through socks5:// or http://[USER[:PASSWORD]@]HOST:PORT'
complete -c posthaste -l timeout-connect -x -d 'limit for connecting to one address'
complete -c posthaste -l timeout-tls -x -d 'limit for the TLS handshake'
complete -c posthaste -l timeout-command -x -d 'limit for the greeting and each command'
complete -c posthaste -l timeout-data -x -d 'limit for each block of the message'
complete -c posthaste -l timeout-end -x -d 'limit for the verdict after the message'
complete -c posthaste -l deadline -x -d 'limit for all of it; 0 is none'
complete -c posthaste -l queue -x -a 'default never tempfail always' -d 'when to queue: never, tempfail or always'
complete -c posthaste -l unknown -x -a 'retry hold' -d 'queued mail that may have been sent: retry it or hold it'
complete -c posthaste -l flush-on-send -d 'send due queued mail on the same connection'
complete -c posthaste -l max-messages-per-connection -x -d 'connect anew after so many messages; 0 is no limit'
complete -c posthaste -l rate -x -d 'queued messages to send in a minute; 0 is no limit'
complete -c posthaste -l strict -d 'refuse NUL and bare CR in a message, do not repair them'
complete -c posthaste -l max-message-size -x -d 'refuse larger messages; 0 is no limit'
complete -c posthaste -l max-attachments -x -d 'refuse more attachments; 0 is no limit'
complete -c posthaste -l max-attachment-size -x -d 'refuse larger attachments; 0 is no limit'
complete -c posthaste -l log -r -F -a 'syslog none' -d 'where to log: syslog, none, or a file'
complete -c posthaste -l log-format -x -a 'text json' -d 'lines of the log: text (key=value) or json'
complete -c posthaste -l report -x -a 'text json none' -d 'on standard output: text, json or none'
complete -c posthaste -l exit-status -x -a 'reply sysexits' -d 'reply or sysexits'
complete -c posthaste -l progress -x -a 'auto on off' -d 'show how far the upload is: auto, on or off'
complete -c posthaste -s v -l verbose -d 'show the dialogue on standard error, without secrets'
complete -c posthaste -l dry-run -d 'print envelope and message, send nothing'
complete -c posthaste -l serverinfo -d 'show the relay\'s certificate, TLS and extensions'
complete -c posthaste -l oauth2-login -x -a '(__posthaste_profiles)' -d 'log in at the provider of an OAuth 2 profile'
complete -c posthaste -l oauth2-flow -x -a 'auto browser device' -d 'how to do that: auto, browser or device'
complete -c posthaste -l check-config -d 'say whether the configuration is good'
complete -c posthaste -l print-config -d 'print the settings in force, secrets masked'
complete -c posthaste -l explain -x -d 'say what an exit status means'
complete -c posthaste -l version -d 'print the version'
complete -c posthaste -l help -d 'print this help'
complete -c posthaste -s q -l queue-run -d 'send what is due'
complete -c posthaste -l queue-list -d 'list what is in the queue'
complete -c posthaste -l queue-show -x -a '(__posthaste_entries)' -d 'print an entry: envelope, state and message'
complete -c posthaste -l queue-remove -x -a 'all (__posthaste_entries)' -d 'forget an entry: nobody gets it or a notice'
complete -c posthaste -l queue-hold -x -a 'all (__posthaste_entries)' -d 'do not try an entry until it is released'
complete -c posthaste -l queue-release -x -a 'all (__posthaste_entries)' -d 'a held entry is due again'
complete -c posthaste -l queue-retry -x -a 'all (__posthaste_entries)' -d 'an entry is due at once, also one that was given up'
