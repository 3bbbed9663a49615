/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "plugin/check.h"

#define SEGMENTS_MAX 256

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "name this machine's ELF number"
#endif

static int check_status(const struct stat *status, struct orch_err *err)
{
	if (!S_ISREG(status->st_mode))
		return orch_fail(
			err, ORCH_E_DENIED, "it is not a regular file; must be a shared object");
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return orch_fail(err, ORCH_E_DENIED,
			"others than its owner may write to it (mode %04o); try: chmod go-w",
			(unsigned)status->st_mode & 07777u);
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return orch_fail(err, ORCH_E_DENIED,
			"it belongs to user %u; must belong to root or to the user who runs this "
			"(%u)",
			(unsigned)status->st_uid, (unsigned)geteuid());
	return ORCH_OK;
}

static int read_exactly(int fd, void *bytes, size_t length, uint64_t at)
{
	ssize_t got;

	do
		got = pread(fd, bytes, length, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)length ? ORCH_OK : ORCH_E_INVALID;
}

static int check_header(const Elf64_Ehdr *header, struct orch_err *err)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return orch_fail(err, ORCH_E_INVALID,
			"it is not an ELF file; must be a shared object (gcc -shared)");
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != MACHINE)
		return orch_fail(err, ORCH_E_INVALID,
			"it is for another machine (ELF machine %u); must be built for this one "
			"(%u)",
			header->e_machine, MACHINE);
	if (header->e_type != ET_DYN)
		return orch_fail(err, ORCH_E_INVALID,
			"it is ELF, but no shared object (type %u); must be linked with -shared",
			header->e_type);
	return ORCH_OK;
}

/* The loader maps segments without asking whether they are there; touching what is not kills the process. */
static int check_segments(int fd, const Elf64_Ehdr *header, uint64_t size, struct orch_err *err)
{
	Elf64_Phdr segment;

	if (header->e_phentsize != sizeof(segment) || header->e_phnum > SEGMENTS_MAX)
		return orch_fail(err, ORCH_E_INVALID, "its program headers are damaged");
	for (unsigned i = 0; i < header->e_phnum; i++) {
		if (read_exactly(fd, &segment, sizeof(segment),
			    header->e_phoff + i * sizeof(segment)) != ORCH_OK ||
			segment.p_offset > size || size - segment.p_offset < segment.p_filesz)
			return orch_fail(err, ORCH_E_INVALID,
				"it is truncated after %llu bytes; build or copy it again",
				(unsigned long long)size);
	}
	return ORCH_OK;
}

int orch_plugin_check_file(int fd, struct orch_err *err)
{
	Elf64_Ehdr header;
	struct stat status;
	int rc;

	if (fstat(fd, &status) != 0)
		return orch_fail(
			err, ORCH_E_AGAIN, "it cannot be examined: %s", orch_errno_text(errno));
	rc = check_status(&status, err);
	if (rc != ORCH_OK)
		return rc;
	if (read_exactly(fd, &header, sizeof(header), 0) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID,
			"it is not an ELF file; must be a shared object (gcc -shared)");
	rc = check_header(&header, err);
	if (rc != ORCH_OK)
		return rc;
	return check_segments(fd, &header, (uint64_t)status.st_size, err);
}
