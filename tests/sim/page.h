/* SPDX-License-Identifier: Apache-2.0 */
/* The files of page/, made part of the program when it is built. */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H
#include <stddef.h>

struct sim_page_file {
	const char *path, *media_type;
	const unsigned char *bytes;
	size_t len;
};

extern const struct sim_page_file sim_page_files[]; /* ends with a path of NULL */

#endif
