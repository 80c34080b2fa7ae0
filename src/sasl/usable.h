/*
 * Can a configuration work at all, with these libraries and credentials?
 */
#ifndef SASL_USABLE_H
#define SASL_USABLE_H

#include <gsasl.h>
#include <stdint.h>

#include "sasl/sasl.h"
#include "util/error.h"

/* Which of the table's mechanisms there are, bits by their place. */
uint32_t usable_mechs(Gsasl *lib);

/* Is any that is named among them?  ERROR_CONFIG. */
int usable_have(const char *mechs, uint32_t have, struct error *err);

/* Do names, user and secret make sense together?  ERROR_CONFIG. */
int usable_config(const struct sasl_config *config, struct error *err);

#endif
