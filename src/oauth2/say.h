/*
 * What a person at the terminal is told.
 */
#ifndef OAUTH2_SAY_H
#define OAUTH2_SAY_H

/* One line on stderr, after the name of the program that started us. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One line of its own, to be copied: an address, a code. */
void say_plain(const char *text);

#endif
