/*
 * The proxy on the way to a relay, from the account's settings.
 */
#ifndef DELIVER_VIA_H
#define DELIVER_VIA_H

#include "conf/account.h"
#include "net/proxy.h"
#include "util/error.h"

struct via;

/*
 * *v is NULL if there is no proxy; else it is in locked memory until
 * via_close().  0, or -1 with ERROR_CONFIG that names the setting.
 */
int via_open(struct via **v, const struct account *a, struct error *err);
void via_close(struct via *v);			/* wipes; NULL is fine */

const struct proxy *via_proxy(const struct via *v);	/* NULL for NULL */

#endif
