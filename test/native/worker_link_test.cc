// The state of a worker and its connection, with a reconnection or a loss between any two locked sections.
#include "cluster/worker_link.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace ke::runtime {
namespace {

using State = ReplicaStatus::State;

// Runs `after_unlock` once, right after an unlock, when another thread could take the lock.
struct Mutex {
  void lock() { mutex.lock(); }
  void unlock() {
    mutex.unlock();
    if (after_unlock != nullptr) std::exchange(after_unlock, nullptr)();
  }

  std::mutex mutex;
  inline static std::function<void()> after_unlock;
};

using Link = BasicWorkerLink<Mutex>;

std::shared_ptr<Connection> MakeConnection() {
  return std::make_shared<Connection>("grpc://host:1", DetachedThreads::Create());
}

void ExpectUpBy(const Link& link, const std::shared_ptr<Connection>& connection) {
  EXPECT_EQ(link.state(), State::kUp);
  EXPECT_EQ(link.connection(), connection);
  EXPECT_FALSE(connection->lost());
  EXPECT_EQ(link.condition().problem, "");
}

class WorkerLink : public ::testing::Test {
 protected:
  ~WorkerLink() override { Mutex::after_unlock = nullptr; }

  Link link_;
  const std::shared_ptr<Connection> first_ = MakeConnection();
  const std::shared_ptr<Connection> second_ = MakeConnection();
};

TEST_F(WorkerLink, IsUpAfterAReconnectionDuringALoss) {
  link_.Connect(first_);
  Mutex::after_unlock = [&] { link_.Connect(second_); };
  link_.Lose(first_.get(), "gone");
  ASSERT_EQ(Mutex::after_unlock, nullptr);
  EXPECT_TRUE(first_->lost());
  ExpectUpBy(link_, second_);
}

TEST_F(WorkerLink, IsUpAfterAReconnectionDuringAFailure) {
  for (const State state : {State::kDown, State::kRefused}) {
    Link link;
    const auto connection = MakeConnection();
    Mutex::after_unlock = [&] { link.Connect(connection); };
    link.Fail(state, "of another version");
    ASSERT_EQ(Mutex::after_unlock, nullptr);
    ExpectUpBy(link, connection);
  }
}

TEST_F(WorkerLink, IsDownAfterALossDuringAConnection) {
  Mutex::after_unlock = [&] { link_.Lose(first_.get(), "gone"); };
  link_.Connect(first_);
  EXPECT_EQ(link_.state(), State::kDown);
  EXPECT_EQ(link_.connection(), nullptr);
  EXPECT_EQ(link_.condition().problem, "gone");
}

TEST_F(WorkerLink, IsNotDownAfterALateLossOfAnEarlierConnection) {
  link_.Connect(first_);
  EXPECT_TRUE(link_.Lose(first_.get(), "gone"));
  EXPECT_FALSE(link_.Lose(first_.get(), "gone again"));
  EXPECT_EQ(link_.condition().problem, "gone");
  EXPECT_TRUE(link_.Connect(second_));
  EXPECT_FALSE(link_.Lose(first_.get(), "gone again"));
  EXPECT_FALSE(link_.Fail(State::kDown, "no answer"));
  ExpectUpBy(link_, second_);
}

TEST_F(WorkerLink, ReportsWhyItIsNotUp) {
  EXPECT_EQ(link_.state(), State::kConnecting);
  EXPECT_TRUE(link_.Fail(State::kDown, "refused"));
  EXPECT_FALSE(link_.Fail(State::kDown, "no answer"));
  EXPECT_EQ(link_.condition().problem, "no answer");
  EXPECT_TRUE(link_.Fail(State::kRefused, "of another version"));
  EXPECT_EQ(link_.condition().state, State::kRefused);
  EXPECT_TRUE(link_.Connect(first_));
  ExpectUpBy(link_, first_);
}

// A refused replica, one of whose shards is then lost for another reason.
class Refused : public Replica {
 public:
  Refused() : Replica("refused") {}
  State state() const override { return State::kRefused; }

 protected:
  ReplicaCondition condition() const override { return {State::kRefused, "of another version"}; }
};

TEST(Replica, ReportsWhyItIsNotUpAfterALaterLossOfAShard) {
  Refused replica;
  replica.Lost(1, "gone");
  EXPECT_EQ(replica.status().last_error, "of another version");
}

}  // namespace
}  // namespace ke::runtime
