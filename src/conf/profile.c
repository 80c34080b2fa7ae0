#include "conf/profile.h"

#include "conf/option.h"

void profile_init(struct oauth2_profile *p)
{
	*p = (struct oauth2_profile){ 0 };
	option_defaults(p, OPTION_OAUTH2);
}

void profile_release(struct oauth2_profile *p)
{
	option_release(p, OPTION_OAUTH2);
}

bool profile_knows(struct str provider)
{
	static const struct str known[] = {
		{ "google", 6 }, { "microsoft", 9 }, { "yahoo", 5 },
		{ "fastmail", 8 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_caseeq(provider, known[i]))
			return true;
	return false;
}
