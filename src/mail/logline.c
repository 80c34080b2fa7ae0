#include "mail/logline.h"

#include "mail/report.h"

void logline_begin(struct logline *l, struct buf *out, bool json)
{
	*l = (struct logline){ .out = out, .json = json };
	if (json)
		buf_addch(out, '{');
	l->start = out->len;
}

static void key(struct logline *l, const char *name)
{
	if (l->out->len > l->start)
		buf_addch(l->out, l->json ? ',' : ' ');
	if (l->json)
		buf_addf(l->out, "\"%s\":", name);
	else
		buf_addf(l->out, "%s=", name);
}

void logline_text(struct logline *l, const char *name, struct str value)
{
	key(l, name);
	report_json_string(l->out, value);
}

void logline_word(struct logline *l, const char *name, const char *value)
{
	key(l, name);
	if (l->json)
		report_json_string(l->out, str_of(value));
	else
		buf_addz(l->out, value);
}

void logline_number(struct logline *l, const char *name, int64_t value)
{
	key(l, name);
	buf_addf(l->out, "%lld", (long long)value);
}

void logline_end(struct logline *l)
{
	buf_addz(l->out, l->json ? "}\n" : "\n");
}
