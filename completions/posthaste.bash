# bash completion for posthaste(1)			-*- shell-script -*-
# `make lint` compares the options with those of `posthaste --help`.

_posthaste_accounts()
{
	posthaste --print-config 2>/dev/null |
		sed -n 's/^\[account \(.*\)\]$/\1/p'
}

_posthaste_profiles()
{
	posthaste --print-config 2>/dev/null |
		sed -n 's/^\[oauth2 \(.*\)\]$/\1/p'
}

_posthaste_entries()
{
	posthaste --queue-list --report=json 2>/dev/null |
		sed -n 's/^{"id":"\([0-9A-Za-z]*\)".*/\1/p'
}

_posthaste_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_posthaste()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local flags='
		--read-recipients --read-envelope-from --ignore-dots
		--all-or-nothing --require-tls --verbose --dry-run
		--serverinfo --check-config --print-config --version --help
		--queue-run --queue-list
	'
	local valued='
		--from= --from-name= --message= --dsn-notify= --dsn-return=
		--envid= --deliver-by= --hold-for= --hold-until= --priority=
		--subject= --to= --cc= --bcc= --reply-to= --in-reply-to=
		--header= --text= --html= --calendar= --attach= --inline=
		--charset= --account= --config= --set= --password-fd= --host= --port=
		--protocol= --tls= --tls-trust= --tls-name= --tls-priority= --tls-resume=
		--tls-pin= --tls-fingerprint= --tls-crl= --tls-cert= --tls-key=
		--tls-key-password-file= --tls-key-password-command=
		--tls-dane=
		--auth= --user= --authzid= --password= --tls-key-password= --password-file=
		--password-command= --token-command= --oauth2= --netrc= --helo= --ignore-extensions=
		--source= --proxy= --fallback= --timeout-connect= --timeout-tls=
		--timeout-command= --timeout-data= --timeout-end= --deadline=
		--queue= --unknown= --flush-on-send=
		--max-messages-per-connection= --rate= --strict= --max-message-size= --max-attachments=
		--max-attachment-size= --log= --log-format= --report= --exit-status=
		--progress= --explain= --oauth2-login= --oauth2-flow= --queue-show= --queue-remove=
		--queue-hold= --queue-release= --queue-retry=
	'
	local keys='
		host= port= protocol= tls= tls_trust= tls_name= tls_priority= tls_resume=
		tls_pin= tls_fingerprint= tls_crl= tls_cert= tls_key=
		tls_key_password_file= tls_key_password_command=
		tls_dane=
		auth= user= authzid= password= tls_key_password= password_file= password_command=
		token_command= oauth2= netrc= from= from_name= helo= ignore_extensions= source= proxy= fallback=
		dsn_notify= dsn_return= timeout_connect= timeout_tls=
		timeout_command= timeout_data= timeout_end= deadline= queue=
		unknown= flush_on_send= max_messages_per_connection= rate=
		strict= all_or_nothing= max_message_size= max_attachments=
		max_attachment_size= log= log_format=
	'

	# readline takes --name=value for three words.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	case $prev in
	-a | --account | --fallback)
		local IFS=$'\n'
		_posthaste_words "$(_posthaste_accounts)"
		;;
	-C | --message | --config | --password-file | --tls-crl | --tls-cert | \
		--tls-key | --tls-key-password-file | --netrc | --text | \
		--html | --calendar | --attach | --inline)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--tls-trust)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -W 'system tofu' -f -- "$cur")
		;;
	--log)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -W 'syslog none' -f -- "$cur")
		;;
	--oauth2 | --oauth2-login)
		_posthaste_words "$(_posthaste_profiles)"
		;;
	--oauth2-flow) _posthaste_words 'auto browser device' ;;
	--queue-show) _posthaste_words "$(_posthaste_entries)" ;;
	--queue-remove | --queue-hold | --queue-release | --queue-retry)
		_posthaste_words "all $(_posthaste_entries)"
		;;
	--password | --tls-key-password) _posthaste_words 'keyring prompt' ;;
	--tls) _posthaste_words 'implicit starttls none' ;;
	--protocol) _posthaste_words 'smtp lmtp' ;;
	--queue) _posthaste_words 'default never tempfail always' ;;
	--unknown) _posthaste_words 'retry hold' ;;
	--log-format) _posthaste_words 'text json' ;;
	--tls-dane) _posthaste_words 'off on require' ;;
	--strict | --flush-on-send | --all-or-nothing | --tls-resume)
		_posthaste_words 'yes no'
		;;
	--progress) _posthaste_words 'auto on off' ;;
	--report) _posthaste_words 'text json none' ;;
	--exit-status) _posthaste_words 'reply sysexits' ;;
	-N | --dsn-notify) _posthaste_words 'never success failure delay' ;;
	-R | --dsn-return) _posthaste_words 'full hdrs' ;;
	--auth)
		_posthaste_words 'auto none scram EXTERNAL
			SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS
			SCRAM-SHA-1-PLUS SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1
			CRAM-MD5 PLAIN LOGIN OAUTHBEARER XOAUTH2 GSSAPI
			DIGEST-MD5 NTLM ANONYMOUS'
		;;
	--set)
		compopt -o nospace
		_posthaste_words "$keys"
		;;
	*)
		[[ $cur == -* ]] || return
		_posthaste_words "$flags $valued"
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
		;;
	esac
}
complete -F _posthaste posthaste
