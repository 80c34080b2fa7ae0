/*
 * Between a program and the PKCS#11 module of SoftHSM, by LD_PRELOAD: each
 * login is a line of $TOKEN_LOG, "C_Login 0x0 PIN-LENGTH", and $TOKEN_FLAGS
 * (a number) are flags of the token besides its own.  Who opens the module
 * gets this library, and by it the module.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *real, ours;

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE who, CK_UTF8CHAR *pin,
		   CK_ULONG n)
{
	CK_RV rv = real->C_Login(s, who, pin, n);
	const char *log = getenv("TOKEN_LOG");
	FILE *f = log ? fopen(log, "a") : NULL;

	if (f) {
		fprintf(f, "C_Login 0x%lx %lu\n", (unsigned long)rv,
			(unsigned long)n);
		fclose(f);
	}
	return rv;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	const char *more = getenv("TOKEN_FLAGS");

	if (rv == CKR_OK && more)
		info->flags |= strtoul(more, NULL, 0);
	return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	*list = &ours;
	return real ? CKR_OK : CKR_GENERAL_ERROR;
}

void *dlopen(const char *path, int flags)
{
	void *(*open)(const char *, int) =
		(void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	void *handle = open(path, flags);
	CK_C_GetFunctionList get;

	if (!handle || !path || !strstr(path, "softhsm"))
		return handle;
	get = (CK_C_GetFunctionList)dlsym(handle, "C_GetFunctionList");
	if (!get || get(&real) != CKR_OK)
		return handle;
	ours = *real;
	ours.C_GetFunctionList = C_GetFunctionList;
	ours.C_Login = login;
	ours.C_GetTokenInfo = token_info;
	return open(NULL, flags);
}
