/*
 * posthaste-oauth2: gets OAuth 2 tokens for posthaste, which it is started by.
 */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("posthaste-oauth2 " VERSION);
		return 0;
	}
	fputs("posthaste: posthaste-oauth2 is started by posthaste\n", stderr);
	return 64;
}
