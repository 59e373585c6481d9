/*
 * network: numbers in network byte order, as binary COPY holds them.
 */
#ifndef MIG_PG_NETWORK_H
#define MIG_PG_NETWORK_H

#include <stdint.h>

static inline uint16_t network_get16(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint16_t)(u[0] << 8 | u[1]);
}

static inline uint32_t network_get32(const char *p)
{
    return (uint32_t)network_get16(p) << 16 | network_get16(p + 2);
}

static inline uint64_t network_get64(const char *p)
{
    return (uint64_t)network_get32(p) << 32 | network_get32(p + 4);
}

static inline void network_put16(char *p, uint16_t v)
{
    p[0] = (char)(unsigned char)(v >> 8);
    p[1] = (char)(unsigned char)v;
}

static inline void network_put32(char *p, uint32_t v)
{
    network_put16(p, (uint16_t)(v >> 16));
    network_put16(p + 2, (uint16_t)v);
}

static inline void network_put64(char *p, uint64_t v)
{
    network_put32(p, (uint32_t)(v >> 32));
    network_put32(p + 4, (uint32_t)v);
}

#endif
