/* SPDX-License-Identifier: Apache-2.0 */
/* Receipt handles: numbers under a checksum that nobody else can make. */
#include <string.h>

#include "sim/aws/sqs.h"
#include "base/hash.h"
#include "base/text.h"

#define PREFIX "AQEB"
#define PREFIX_CHARS 4

struct packed {
	uint64_t entry;
	uint64_t check;
	uint32_t receipt;
	uint32_t zero;
};

static uint64_t checksum(uint64_t entry, uint32_t receipt)
{
	const struct packed packed = { .entry = entry, .receipt = receipt };

	return orch_siphash((struct orch_text){ (const char *)&packed, sizeof(packed) });
}

void aws_receipt_write(uint64_t entry, uint32_t receipt, char *ret)
{
	const struct packed packed = {
		.entry = entry,
		.check = checksum(entry, receipt),
		.receipt = receipt,
	};

	_Static_assert(PREFIX_CHARS + (sizeof(packed) + 2) / 3 * 4 < AWS_RECEIPT_SIZE, "fits");
	memcpy(ret, PREFIX, PREFIX_CHARS);
	(void)orch_base64_encode(&packed, sizeof(packed), ret + PREFIX_CHARS);
}

bool aws_receipt_read(struct orch_text handle, uint64_t *ret_entry, uint32_t *ret_receipt)
{
	unsigned char bytes[AWS_RECEIPT_SIZE];
	struct packed packed;
	size_t len;

	if (handle.len >= AWS_RECEIPT_SIZE || !orch_text_starts_with(handle, ORCH_TEXT(PREFIX)))
		return false;
	handle = (struct orch_text){ handle.ptr + PREFIX_CHARS, handle.len - PREFIX_CHARS };
	if (orch_base64_decode(handle, bytes, &len) != 0 || len != sizeof(packed))
		return false;
	memcpy(&packed, bytes, sizeof(packed));
	*ret_entry = packed.entry;
	*ret_receipt = packed.receipt;
	return packed.zero == 0 && packed.check == checksum(packed.entry, packed.receipt);
}
