/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: base64 with its standard alphabet and padding (RFC 4648, 4). */
#ifndef KIT_BASE64_H
#define KIT_BASE64_H
#include "kit/text.h"

#define KIT_BASE64_LENGTH(bytes) (((bytes) + 2) / 3 * 4)

void kit_put_base64(struct kit_builder *builder, struct orch_text bytes);

#endif
