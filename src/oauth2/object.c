#include "oauth2/object.h"

#include <jansson.h>

#include "oauth2/wiped.h"

void object_wipe_memory(void)
{
	json_set_alloc_funcs(wiped_alloc, wiped_free);
}

struct json_t *object_parse(struct str text)
{
	json_error_t error;
	json_t *o = json_loadb(text.n ? text.p : "", text.n,
			       JSON_REJECT_DUPLICATES, &error);

	if (o && !json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

void object_drop(struct json_t *o)
{
	json_decref(o);
}

static struct str text_of(const json_t *value)
{
	return (struct str){ json_string_value(value),
			     json_string_length(value) };
}

bool object_text(const struct json_t *o, const char *name, struct str *out)
{
	const json_t *value = json_object_get(o, name);

	*out = json_is_string(value) ? text_of(value) : STR("");
	return json_is_string(value);
}

bool object_lacks(const struct json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);

	return !value || json_is_null(value);
}

bool object_true(const struct json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

enum object_count object_number(const struct json_t *o, const char *name,
			    int64_t max, int64_t *out)
{
	const json_t *value = json_object_get(o, name);
	uint64_t n;

	if (!value || json_is_null(value))
		return OBJECT_COUNT_NONE;
	if (json_is_string(value)) {
		if (!str_u64(str_trim(text_of(value)), (uint64_t)max, &n))
			return OBJECT_COUNT_BAD;
		*out = (int64_t)n;
		return OBJECT_COUNT_OK;
	}
	if (json_is_real(value)) {
		double real = json_real_value(value);

		/* Compared first: beyond int64_t a cast is undefined. */
		if (!(real >= 0 && real <= (double)max))
			return OBJECT_COUNT_BAD;
		*out = (int64_t)real;
		return OBJECT_COUNT_OK;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > max)
		return OBJECT_COUNT_BAD;
	*out = json_integer_value(value);
	return OBJECT_COUNT_OK;
}
