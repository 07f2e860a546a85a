/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One connection opened by io_uring, raw: prints "connected", "unavailable: …" or an error, holds it
 * until standard input ends. usage: uring ADDRESS PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	struct io_uring_params params;
	unsigned char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static int ring_open(struct ring *r)
{
	size_t sq_size, cq_size;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 1, &r->params);
	if (r->fd < 0)
		return -errno;
	sq_size = r->params.sq_off.array + r->params.sq_entries * sizeof(unsigned);
	cq_size = r->params.cq_off.cqes + r->params.cq_entries * sizeof(struct io_uring_cqe);
	r->sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->params.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED, r->fd, IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED || r->sqes == MAP_FAILED ? -ENOMEM : 0;
}

/* The result of connect, as io_uring gives it. */
static int ring_connect(struct ring *r, int fd, const struct sockaddr_in *to)
{
	unsigned *tail = (unsigned *)(r->sq + r->params.sq_off.tail);
	unsigned *array = (unsigned *)(r->sq + r->params.sq_off.array);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(r->cq + r->params.cq_off.cqes);

	r->sqes[0] = (struct io_uring_sqe){.opcode = IORING_OP_CONNECT, .fd = fd,
					   .addr = (unsigned long)to, .off = sizeof(*to)};
	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	return cqe->res;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), err;
	struct ring ring;
	char byte;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: uring ADDRESS PORT\n");
		return 2;
	}
	to.sin_port = htons(atoi(argv[2]));
	err = ring_open(&ring);
	if (err) {
		printf("unavailable: io_uring_setup: %s\n", strerror(-err));
		return 0;
	}
	err = ring_connect(&ring, fd, &to);
	printf("%s\n", err ? strerror(-err) : "connected");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
